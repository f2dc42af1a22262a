import java.time.Duration;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/**
 * The workload in Flink: tumbling seconds by pair, the last ten of them merged, then each rule on what they come to. With one task, as here, events need not
 * be sent to the task of their key: they are there. That is faster on two cores than two tasks which send each other bytes.
 */
public final class FlinkLoop {
    public static final class Measure implements MapFunction<Request, Measured> {
        public Measured map(Request request) {
            Measured measured = new Measured();
            measured.pair = request.source + '\t' + request.destination;
            measured.failed = request.failed;
            measured.latency = request.latency;
            return measured;
        }
    }

    public static final class ByPair implements KeySelector<Measured, String> {
        public String getKey(Measured measured) {
            return measured.pair;
        }
    }

    public static final class OfPair implements KeySelector<Cell, String> {
        public String getKey(Cell cell) {
            return cell.pair;
        }
    }

    public static void main(String[] args) throws Exception {
        Runs runs = new Runs(args);
        Requests.events = Workload.events(runs.folder);
        Judging.rules = Workload.rules(runs.folder, runs.rules);
        runs.measure(Requests.events.length, FlinkLoop::round);
        System.exit(0);
    }

    private static long round(Firings firings) throws Exception {
        Judging.firings = firings;
        Configuration configuration = new Configuration();
        configuration.setString("rest.port", "0");
        configuration.setString("pipeline.object-reuse", "true");
        configuration.setString("taskmanager.memory.network.min", "64mb");
        configuration.setString("taskmanager.memory.network.max", "64mb");
        StreamExecutionEnvironment job = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        job.getConfig().setAutoWatermarkInterval(0);
        DataStream<Measured> measured = job.addSource(new Requests(), TypeInformation.of(Request.class)).map(new Measure());
        KeyedStream<Measured, String> pairs = DataStreamUtils.reinterpretAsKeyedStream(measured, new ByPair());
        DataStream<Cell> seconds = pairs
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
            .aggregate(new Seconds(Rule.needLatency(Judging.rules)), new Seconds.Named());
        DataStreamUtils.reinterpretAsKeyedStream(seconds, new OfPair()).process(new Windows()).addSink(new Judging());
        job.execute();
        return System.nanoTime() - Requests.startedNs;
    }
}
