#include <iostream>
#include <vector>
int main() {
    long long n, s, a, c, p, pairs = 0;
    std::cin >> n >> s >> a >> c >> p;
    std::vector<long long> h(n);
    for (auto& one : h) { one = s; s = (s * a + c) % p; }
    std::vector<std::vector<char>> higher;
    for (long long i = 0; i < n; ++i) higher.emplace_back(n, 1);
    for (long long i = 0; i < n; ++i)
        for (long long j = i + 1; j < n; ++j) pairs += (higher[i][j] = h[i] > h[j]);
    std::cout << pairs << "\n";
}
