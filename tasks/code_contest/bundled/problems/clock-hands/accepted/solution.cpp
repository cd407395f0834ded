#include <algorithm>
#include <cmath>
#include <cstdio>
int main() {
    int n, h, m, s;
    if (scanf("%d", &n) != 1) return 1;
    while (n-- && scanf("%d:%d:%d", &h, &m, &s) == 3) {
        double minute = 6.0 * m + s / 10.0, hour = 30.0 * (h % 12) + m / 2.0 + s / 120.0;
        double apart = std::fabs(minute - hour);
        printf("%.9f\n", std::min(apart, 360 - apart));
    }
}
