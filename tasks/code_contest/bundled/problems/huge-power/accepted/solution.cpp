#include <cstdio>
int main() {
    int q, d;
    unsigned long long a, b;
    if (scanf("%d", &q) != 1) return 1;
    while (q-- && scanf("%llu %llu %d", &a, &b, &d) == 3) {
        unsigned long long modulus = 1, result = 1;
        for (int i = 0; i < d; ++i) modulus *= 10;
        for (a %= modulus, result %= modulus; b; b >>= 1, a = a * a % modulus)
            if (b & 1) result = result * a % modulus;
        printf("%0*llu\n", d, result);
    }
}
