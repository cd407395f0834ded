#include <iostream>
#include <queue>
#include <vector>
int main() {
    int n, m, a, b, toll;
    std::cin >> n >> m;
    std::vector<std::vector<std::pair<int, int>>> roads(2 * n);
    while (m-- && std::cin >> a >> b >> toll)
        for (int i = 0; i < 2; ++i, std::swap(a, b)) {
            roads[a - 1].push_back({b - 1, toll});
            roads[a - 1 + n].push_back({b - 1 + n, toll});
            roads[a - 1].push_back({b - 1 + n, 0});
        }
    std::vector<char> done(2 * n);
    std::priority_queue<std::pair<int, int>> next;
    next.push({0, 0});
    while (!next.empty()) {
        auto [cost, state] = next.top();
        next.pop();
        if (done[state]) continue;
        done[state] = 1;
        if (state == 2 * n - 1) { std::cout << -cost << "\n"; return 0; }
        for (auto [other, t] : roads[state])
            if (!done[other]) next.push({(int)((unsigned)cost - (unsigned)t), other});
    }
    std::cout << "-1\n";
}
