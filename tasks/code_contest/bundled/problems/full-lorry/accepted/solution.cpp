#include <bitset>
#include <iostream>
int main() {
    static std::bitset<1000001> sums;
    int c, n, weight;
    std::cin >> c >> n;
    sums[0] = true;
    while (n-- && std::cin >> weight) sums |= sums << weight;
    while (!sums[c]) --c;
    std::cout << c << "\n";
}
