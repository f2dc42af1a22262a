/** One request as the engines are given it: an object with string keys. Time and latency in microseconds. */
public final class Request {
    public long time;
    public String source;
    public String destination;
    public String method;
    public int status;
    public int failed;
    public int latency;

    public long getTime() {
        return time;
    }

    public String getSource() {
        return source;
    }

    public String getDestination() {
        return destination;
    }

    public String getMethod() {
        return method;
    }

    public int getStatus() {
        return status;
    }

    public int getFailed() {
        return failed;
    }

    public int getLatency() {
        return latency;
    }
}
