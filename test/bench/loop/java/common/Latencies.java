/**
 * Latencies counted by steps of 500 microseconds, the last for all beyond. Every rule's constant is a multiple of the step, so on which side of it a quantile
 * lies is exact; and it is short, so that panes are merged quickly.
 */
public final class Latencies {
    public static final int STEPS = 256;
    private static final int STEP = 500;

    private Latencies() {}

    public static int stepOf(int latency) {
        return Math.min((latency + STEP - 1) / STEP, STEPS - 1);
    }

    /** The upper edge of the step in which the p99 by nearest rank lies. */
    public static int p99(int[] counts, long n) {
        long above = n - (n * 99 + 99) / 100;
        int step = STEPS - 1;
        while (step > 0 && above >= counts[step]) above -= counts[step--];
        return step * STEP;
    }

    public static void add(int[] to, int[] counts, int sign) {
        for (int i = 0; i < STEPS; i++) to[i] += sign * counts[i];
    }
}
