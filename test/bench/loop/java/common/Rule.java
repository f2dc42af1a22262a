import java.util.Set;

/** A rule of the workload: fires where the measured value of a pair into these destinations is above the greatest that is still well. */
public record Rule(int id, String kind, double most, Set<String> destinations) {
    public boolean holds(long requests, long failures, int slowest99) {
        return switch (kind) {
            case "errors" -> (double) failures / requests > most;
            case "p99" -> slowest99 > most;
            default -> requests / 10.0 > most;
        };
    }

    public static boolean needLatency(Iterable<Rule> rules) {
        for (Rule rule : rules) if (rule.kind().equals("p99")) return true;
        return false;
    }
}
