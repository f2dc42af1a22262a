import com.espertech.esper.common.client.hook.aggfunc.AggregationFunction;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionFactory;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionFactoryContext;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionForge;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionMode;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionModeManaged;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionValidationContext;
import com.espertech.esper.common.client.hook.forgeinject.InjectionStrategyClassNewInstance;
import com.espertech.esper.common.client.type.EPTypeClass;
import java.util.Arrays;

/** Esper's aggregate `spread(latency)`: the counts of one pane. */
public final class Spread implements AggregationFunctionForge {
    public void setFunctionName(String name) {}

    public void validate(AggregationFunctionValidationContext context) {}

    public EPTypeClass getValueType() {
        return new EPTypeClass(int[].class);
    }

    public AggregationFunctionMode getAggregationFunctionMode() {
        AggregationFunctionModeManaged mode = new AggregationFunctionModeManaged();
        return mode.setInjectionStrategyAggregationFunctionFactory(new InjectionStrategyClassNewInstance(Factory.class));
    }

    public static final class Factory implements AggregationFunctionFactory {
        public AggregationFunction newAggregator(AggregationFunctionFactoryContext context) {
            return new Counts();
        }
    }

    private static final class Counts implements AggregationFunction {
        private final int[] counts = new int[Latencies.STEPS];

        public void enter(Object latency) {
            counts[Latencies.stepOf((Integer) latency)]++;
        }

        public void leave(Object latency) {
            counts[Latencies.stepOf((Integer) latency)]--;
        }

        public Object getValue() {
            return counts.clone();
        }

        public void clear() {
            Arrays.fill(counts, 0);
        }
    }
}
