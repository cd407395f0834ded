#include <iostream>
#include <string>
#include <vector>
int main() {
    long long n, q, left, right, by;
    std::string act;
    std::cin >> n >> q;
    std::vector<long long> price(n + 1, 0);
    while (q-- && std::cin >> act >> left >> right) {
        if (act == "change") {
            std::cin >> by;
            for (long long i = left; i <= right; ++i) price[i] += by;
        } else {
            long long sum = 0;
            for (long long i = left; i <= right; ++i) sum += price[i];
            std::cout << sum << "\n";
        }
    }
}
