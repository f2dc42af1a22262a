/** A pair over some seconds, ending at `second`. */
public final class Cell {
    public String pair;
    public long requests;
    public long failures;
    public int[] latencies;
    public int slowest99;
    public int second;
}
