#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, note;
    std::vector<int> lowest_last;
    for (std::cin >> n; n > 0 && std::cin >> note; --n) {
        auto at = std::lower_bound(lowest_last.begin(), lowest_last.end(), note);
        if (at == lowest_last.end()) lowest_last.push_back(note);
        else *at = note;
    }
    std::cout << lowest_last.size() << " " << lowest_last.back() << "\n";
}
