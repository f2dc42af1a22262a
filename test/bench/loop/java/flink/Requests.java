import org.apache.flink.streaming.api.functions.source.SourceFunction;
import org.apache.flink.streaming.api.watermark.Watermark;

/** Gives the events that this process has loaded, with a watermark at the end of each second. */
public final class Requests implements SourceFunction<Request> {
    static Request[] events;
    /** When the job began to read. */
    static volatile long startedNs;

    @Override
    public void run(SourceContext<Request> context) {
        startedNs = System.nanoTime();
        long next = 1_000;
        for (Request event : events) {
            long millis = event.time / 1_000;
            while (millis >= next) {
                context.emitWatermark(new Watermark(next - 1));
                next += 1_000;
            }
            context.collectWithTimestamp(event, millis);
        }
    }

    @Override
    public void cancel() {}
}
