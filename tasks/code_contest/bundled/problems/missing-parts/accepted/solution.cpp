#include <iostream>
#include <string>
#include <unordered_map>
int main() {
    std::ios::sync_with_stdio(false);
    std::unordered_map<std::string, int> left;
    int n, m;
    std::string part;
    for (std::cin >> n; n > 0 && std::cin >> part; --n) ++left[part];
    for (std::cin >> m; m > 0 && std::cin >> part; --m) --left[part];
    bool complete = true;
    for (auto& [name, count] : left)
        for (int i = 0; i < count; ++i) { std::cout << name << "\n"; complete = false; }
    if (complete) std::cout << "complete\n";
}
