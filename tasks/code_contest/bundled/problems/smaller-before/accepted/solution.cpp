#include <iostream>
#include <vector>
int main() {
    long long n, s, a, c, total = 0;
    std::cin >> n >> s >> a >> c;
    std::vector<long long> h(n), before(n);
    for (long long i = 0; i < n; ++i, s = (s * a + c) % 1000003) {
        h[i] = s;
        long long j = i - 1;
        while (j >= 0 && h[j] >= h[i]) j = before[j];
        before[i] = j;
        if (j >= 0) total += i - j;
    }
    std::cout << total << "\n";
}
