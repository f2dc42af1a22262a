import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Turns what a rule says of a pair at each second into intervals: fires when it held for three seconds, clears when it does not. */
public final class Firings {
    private static final int PATIENCE = 3;

    private static final class State {
        int since = -1;
        int fired = -1;
    }

    private final List<Map<String, State>> states = new ArrayList<>();
    private final List<String> intervals = new ArrayList<>();

    public Firings(int rules) {
        for (int i = 0; i < rules; i++) states.add(new HashMap<>());
    }

    public void tell(int rule, String pair, boolean holds, int second) {
        if (second > Workload.SPAN) return;
        Map<String, State> known = states.get(rule);
        State state = known.get(pair);
        if (!holds) {
            if (state == null) return;
            if (state.fired >= 0) intervals.add(rule + "\t" + pair + "\t" + state.fired + "\t" + second);
            known.remove(pair);
            return;
        }
        if (state == null) known.put(pair, state = new State());
        if (state.since < 0) state.since = second;
        if (second - state.since >= PATIENCE && state.fired < 0) state.fired = second;
    }

    /** One interval a line; "-" for the end of one that goes on. */
    public void write(Path file) throws IOException {
        for (int rule = 0; rule < states.size(); rule++) {
            for (Map.Entry<String, State> one : states.get(rule).entrySet()) {
                if (one.getValue().fired >= 0) intervals.add(rule + "\t" + one.getKey() + "\t" + one.getValue().fired + "\t-");
            }
        }
        Files.write(file, intervals);
    }
}
