#include <iostream>
#include <string>
int main() {
    long long low = 1, high;
    std::string word;
    std::cin >> high;
    while (low < high) {
        long long middle = (low + high) / 2;
        std::cout << "ask " << middle << std::endl;
        std::cin >> word;
        if (word == "here") low = high = middle;
        else if (word == "left") high = middle - 1;
        else low = middle + 1;
    }
    std::cout << "shelf " << low << std::endl;
}
