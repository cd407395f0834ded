#include <iostream>
#include <queue>
#include <string>
#include <vector>
int main() {
    int n, m, a, b;
    std::cin >> n >> m;
    std::vector<std::vector<int>> enemies(n);
    while (m-- && std::cin >> a >> b) { enemies[a - 1].push_back(b - 1); enemies[b - 1].push_back(a - 1); }
    std::string seats(n, '?');
    for (int first = n - 1; first >= 0; --first) {
        if (seats[first] != '?') continue;
        std::queue<int> next;
        next.push(first);
        seats[first] = 'B';
        for (; !next.empty(); next.pop())
            for (int enemy : enemies[next.front()]) {
                if (seats[enemy] == seats[next.front()]) { std::cout << "impossible\n"; return 0; }
                if (seats[enemy] != '?') continue;
                seats[enemy] = seats[next.front()] == 'A' ? 'B' : 'A';
                next.push(enemy);
            }
    }
    std::cout << seats << "\n";
}
