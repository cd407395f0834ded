#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    long long n, s, a, c, p, pairs = 0;
    std::cin >> n >> s >> a >> c >> p;
    std::vector<long long> h(n);
    for (auto& one : h) { one = s; s = (s * a + c) % p; }
    auto order = h;
    std::sort(order.begin(), order.end());
    std::vector<int> tree(n + 1);
    for (long long i = 0; i < n; ++i) {
        int rank = std::lower_bound(order.begin(), order.end(), h[i]) - order.begin() + 1;
        long long lower = 0;
        for (int k = rank - 1; k > 0; k -= k & -k) lower += tree[k];
        pairs += i - lower;
        for (int k = rank; k <= n; k += k & -k) ++tree[k];
    }
    std::cout << pairs << "\n";
}
