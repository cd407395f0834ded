#include <iostream>
#include <string>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    int n, crate;
    std::string act;
    std::vector<int> tower;
    std::cin >> n;
    for (int i = 1; i <= n; ++i) {
        std::cin >> act >> crate;
        if (act == "put") { tower.push_back(crate); continue; }
        if (tower.empty() || tower.back() != crate) { std::cout << "line " << i << "\n"; return 0; }
        tower.pop_back();
    }
    std::cout << "ok " << tower.size() << "\n";
}
