#include <iostream>
#include <vector>
int main() {
    int c, n, weight;
    std::cin >> c >> n;
    std::vector<std::vector<int>> best(n + 1, std::vector<int>(c + 1, 0));
    for (int i = 1; i <= n && std::cin >> weight; ++i)
        for (int room = 0; room <= c; ++room) {
            best[i][room] = best[i - 1][room];
            if (weight <= room) best[i][room] = std::max(best[i][room], weight + best[i - 1][room - weight]);
        }
    std::cout << best[n][c] << "\n";
}
