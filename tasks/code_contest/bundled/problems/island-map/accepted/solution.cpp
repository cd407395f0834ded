#include <algorithm>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>
std::vector<int> parent;
int find(int x) {
    while (parent[x] != x) x = parent[x] = parent[parent[x]];
    return x;
}
int main() {
    int h, w;
    std::cin >> h >> w;
    std::vector<std::string> rows(h);
    for (auto& row : rows) std::cin >> row;
    parent.resize(h * w);
    std::iota(parent.begin(), parent.end(), 0);
    for (int r = 0; r < h; ++r)
        for (int c = 0; c < w; ++c) {
            if (rows[r][c] != '#') continue;
            if (r && rows[r - 1][c] == '#') parent[find(r * w + c)] = find((r - 1) * w + c);
            if (c && rows[r][c - 1] == '#') parent[find(r * w + c)] = find(r * w + c - 1);
        }
    std::vector<int> size(h * w);
    int islands = 0, largest = 0;
    for (int i = 0; i < h * w; ++i)
        if (rows[i / w][i % w] == '#') largest = std::max(largest, ++size[find(i)]);
    for (int one : size) islands += one > 0;
    std::cout << islands << " " << largest << "\n";
}
