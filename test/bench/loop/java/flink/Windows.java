import java.util.ArrayDeque;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Keeps the last ten seconds of a pair, and what they come to: a second is added when it ends, and taken away when the window has passed it. */
public final class Windows extends KeyedProcessFunction<String, Cell, Cell> {
    private static final class Held {
        final ArrayDeque<Cell> cells = new ArrayDeque<>();
        final Cell total = new Cell();
    }

    private transient ValueState<Held> state;

    @Override
    public void open(Configuration configuration) {
        state = getRuntimeContext().getState(new ValueStateDescriptor<>("held", TypeInformation.of(new TypeHint<Held>() {})));
    }

    @Override
    public void processElement(Cell cell, Context context, Collector<Cell> out) throws Exception {
        Held held = state.value();
        if (held == null) {
            held = new Held();
            if (cell.latencies != null) held.total.latencies = new int[Latencies.STEPS];
            state.update(held);
        }
        held.cells.add(cell);
        change(held.total, cell, 1);
        while (held.cells.peek().second <= cell.second - Workload.PANES) change(held.total, held.cells.poll(), -1);
        Cell total = held.total;
        total.pair = cell.pair;
        total.second = cell.second;
        if (total.latencies != null) total.slowest99 = Latencies.p99(total.latencies, total.requests);
        out.collect(total);
    }

    private static void change(Cell total, Cell cell, int sign) {
        total.requests += sign * cell.requests;
        total.failures += sign * cell.failures;
        if (cell.latencies != null) Latencies.add(total.latencies, cell.latencies, sign);
    }
}
