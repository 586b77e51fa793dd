import java.util.ArrayList;

/** Keeps 60 MiB, and throws 1 GiB away. */
public class Churn {
    public static void main(String[] args) {
        ArrayList<long[]> kept = new ArrayList<>();
        for (int i = 0; i < 60 * 16; i++) kept.add(new long[8 << 10]);
        long sum = 0;
        for (int i = 0; i < 1024 * 16; i++) sum += new long[8 << 10].length;
        System.err.println(kept.size() / 16 + " MiB");
    }
}
