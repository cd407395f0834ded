#include <cstdio>
#include <vector>
int main() {
    int n, k, foot, top;
    if (scanf("%d %d", &n, &k) != 2) return 1;
    std::vector<int> lands(n + 1);
    for (int i = 0; i <= n; ++i) lands[i] = i;
    while (k-- && scanf("%d %d", &foot, &top) == 2) lands[foot] = top;
    std::vector<double> throws(n + 1);
    for (int field = n - 1; field >= 0; --field) {
        double sum = 6;
        int faces = 0;
        for (int other = field + 1; other <= n && other <= field + 6; ++other, ++faces) sum += throws[lands[other]];
        throws[field] = sum / faces;
    }
    printf("%.9f\n", throws[0]);
}
