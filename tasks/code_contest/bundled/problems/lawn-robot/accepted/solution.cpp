#include <cctype>
#include <iostream>
#include <string>
int main() {
    std::string program;
    std::cin >> program;
    long long at[2] = {0, 0}, count = 0;
    int facing = 0;
    const int dx[] = {0, 1, 0, -1}, dy[] = {1, 0, -1, 0};
    for (char c : program) {
        if (std::isdigit(c)) { count = count * 10 + (c - '0'); continue; }
        long long times = count ? count : 1;
        count = 0;
        if (c == 'F') { at[0] += dx[facing] * times; at[1] += dy[facing] * times; }
        else facing = (facing + (c == 'R' ? times : 3 * times)) % 4;
    }
    std::cout << at[0] << " " << at[1] << " " << "NESW"[facing] << "\n";
}
