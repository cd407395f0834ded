#include <iostream>
#include <queue>
#include <tuple>
#include <vector>
using ll = long long;
std::vector<std::vector<std::pair<int, ll>>> roads;
std::vector<ll> from(int start) {
    std::vector<ll> paid(roads.size(), -1);
    std::priority_queue<std::pair<ll, int>> next;
    next.push({0, start});
    while (!next.empty()) {
        auto [cost, town] = next.top();
        next.pop();
        if (paid[town] >= 0) continue;
        paid[town] = -cost;
        for (auto [other, toll] : roads[town])
            if (paid[other] < 0) next.push({cost - toll, other});
    }
    return paid;
}
int main() {
    int n, m, a, b;
    ll toll;
    std::cin >> n >> m;
    roads.resize(n);
    std::vector<std::tuple<int, int>> pairs;
    while (m-- && std::cin >> a >> b >> toll) {
        roads[a - 1].push_back({b - 1, toll});
        roads[b - 1].push_back({a - 1, toll});
        pairs.push_back({a - 1, b - 1});
        pairs.push_back({b - 1, a - 1});
    }
    auto there = from(0), back = from(n - 1);
    ll best = -1;
    for (auto [x, y] : pairs)
        if (there[x] >= 0 && back[y] >= 0 && (best < 0 || there[x] + back[y] < best)) best = there[x] + back[y];
    std::cout << best << "\n";
}
