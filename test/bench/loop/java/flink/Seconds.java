import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Sums up one second of a pair. */
public final class Seconds implements AggregateFunction<Measured, Cell, Cell> {
    private final boolean needLatency;

    public Seconds(boolean needLatency) {
        this.needLatency = needLatency;
    }

    public Cell createAccumulator() {
        Cell cell = new Cell();
        if (needLatency) cell.latencies = new int[Latencies.STEPS];
        return cell;
    }

    public Cell add(Measured one, Cell cell) {
        cell.requests++;
        cell.failures += one.failed;
        if (needLatency) cell.latencies[Latencies.stepOf(one.latency)]++;
        return cell;
    }

    public Cell getResult(Cell cell) {
        return cell;
    }

    public Cell merge(Cell a, Cell b) {
        throw new IllegalStateException("tumbling windows are not merged");
    }

    /** Says whose second it was, and which. */
    public static final class Named extends ProcessWindowFunction<Cell, Cell, String, TimeWindow> {
        public void process(String pair, Context context, Iterable<Cell> cells, Collector<Cell> out) {
            Cell cell = cells.iterator().next();
            cell.pair = pair;
            cell.second = (int) (context.window().getEnd() / 1_000);
            out.collect(cell);
        }
    }
}
