import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Arguments of a peer's process (folder, rules, warm-ups, rounds, seconds at most), and what it says: one line of JSON. */
public final class Runs {
    public final Path folder;
    public final int rules;
    private final int warmups;
    private final int rounds;
    private final double secondsMax;
    private final List<Double> rates = new ArrayList<>();

    public Runs(String[] args) {
        folder = Path.of(args[0]);
        rules = Integer.parseInt(args[1]);
        warmups = Integer.parseInt(args[2]);
        rounds = Integer.parseInt(args[3]);
        secondsMax = Double.parseDouble(args[4]);
    }

    /** Reads all events once into fresh state; gives nanoseconds. */
    public interface Round {
        long run(Firings firings) throws Exception;
    }

    public void measure(int events, Round round) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < warmups + rounds; i++) {
            Firings firings = new Firings(rules);
            double rate = events * 1e9 / round.run(firings);
            System.err.println((i < warmups ? "warm-up " : "round ") + Math.round(rate / 1e4) / 100.0 + " M/s");
            if (i == 0) firings.write(folder.resolve("intervals.tsv"));
            // What takes too long is shown with what it has: a slow engine warms up in its first round too.
            boolean isLate = (System.nanoTime() - start) / 1e9 > secondsMax;
            if (i >= warmups || isLate) rates.add(rate);
            if (isLate) break;
        }
        System.out.println("{\"rates\":" + rates + ",\"peakMB\":" + peakMegabytes() + "}");
    }

    private static long peakMegabytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) return -1;
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
        }
        return -1;
    }
}
