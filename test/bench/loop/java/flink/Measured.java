/** What of a request travels to the pair's window. */
public final class Measured {
    public String pair;
    public int failed;
    public int latency;
}
