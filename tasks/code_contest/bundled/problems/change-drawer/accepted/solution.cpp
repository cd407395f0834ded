#include <cmath>
#include <iostream>
int main() {
    int n;
    std::cin >> n;
    while (n--) {
        double price, paid;
        std::cin >> price >> paid;
        long long rest = std::llround(paid * 100) - std::llround(price * 100), count = 0;
        for (long long coin : {200, 100, 50, 20, 10, 5, 2, 1}) { count += rest / coin; rest %= coin; }
        std::cout << count << "\n";
    }
}
