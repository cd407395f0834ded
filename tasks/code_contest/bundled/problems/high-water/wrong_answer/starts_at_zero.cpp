#include <iostream>
int main() {
    int n, records = 0, best = 0, level;
    std::cin >> n;
    while (n-- > 0 && std::cin >> level)
        if (level > best) { best = level; ++records; }
    std::cout << records << "\n";
}
