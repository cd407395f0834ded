#include <iostream>
#include <unordered_map>
int main() {
    std::ios::sync_with_stdio(false);
    long long n, k, change, total = 0, stretches = 0;
    std::cin >> n >> k;
    std::unordered_map<long long, long long> seen{{0, 1}};
    while (n-- && std::cin >> change) {
        total += change;
        auto earlier = seen.find(total - k);
        if (earlier != seen.end()) stretches += earlier->second;
        ++seen[total];
    }
    std::cout << stretches << "\n";
}
