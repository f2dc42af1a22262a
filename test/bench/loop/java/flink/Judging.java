import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;

/** Judges every rule that looks at a pair's destination. The job runs in this process, so rules and firings are at hand. */
public final class Judging implements SinkFunction<Cell> {
    static List<Rule> rules;
    static Firings firings;
    private static final Map<String, List<Rule>> byPair = new HashMap<>();

    @Override
    public void invoke(Cell cell, Context context) {
        synchronized (byPair) {
            for (Rule rule : byPair.computeIfAbsent(cell.pair, Judging::rulesFor)) {
                firings.tell(rule.id(), cell.pair, rule.holds(cell.requests, cell.failures, cell.slowest99), cell.second);
            }
        }
    }

    private static List<Rule> rulesFor(String pair) {
        String destination = pair.substring(pair.indexOf('\t') + 1);
        List<Rule> found = new ArrayList<>();
        for (Rule rule : rules) if (rule.destinations().contains(destination)) found.add(rule);
        return found;
    }
}
