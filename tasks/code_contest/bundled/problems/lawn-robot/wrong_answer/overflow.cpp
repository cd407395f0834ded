#include <cctype>
#include <iostream>
#include <string>
int main() {
    std::string program;
    std::cin >> program;
    unsigned x = 0, y = 0, count = 0, facing = 0;
    for (char c : program) {
        if (std::isdigit(c)) { count = count * 10 + (c - '0'); continue; }
        unsigned times = count ? count : 1;
        count = 0;
        if (c == 'F') (facing % 2 ? x : y) += (facing < 2 ? times : -times);
        else facing = (facing + (c == 'R' ? times : 3 * (times % 4))) % 4;
    }
    std::cout << (int)x << " " << (int)y << " " << "NESW"[facing] << "\n";
}
