#include <iostream>
int main() {
    int n, note, last = 0, kept = 0;
    for (std::cin >> n; n > 0 && std::cin >> note; --n)
        if (note > last) { last = note; ++kept; }
    std::cout << kept << " " << last << "\n";
}
