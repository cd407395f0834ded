#include <algorithm>
#include <iostream>
#include <string>
#include <vector>
struct Change { long long left, right, by; };
int main() {
    long long n, q, left, right, by;
    std::string act;
    std::vector<Change> changes;
    std::cin >> n >> q;
    while (q-- && std::cin >> act >> left >> right) {
        if (act == "change") { std::cin >> by; changes.push_back({left, right, by}); continue; }
        __int128 sum = 0;
        for (auto& c : changes) {
            long long shared = std::min(right, c.right) - std::max(left, c.left) + 1;
            if (shared > 0) sum += (__int128)shared * c.by;
        }
        std::string digits;
        bool minus = sum < 0;
        if (minus) sum = -sum;
        do digits += char('0' + (int)(sum % 10)); while (sum /= 10);
        std::cout << (minus ? "-" : "") << std::string(digits.rbegin(), digits.rend()) << "\n";
    }
}
