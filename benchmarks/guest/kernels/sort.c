/* Quicksort of two million integers with a callback: unpredictable branches, indirect calls. */
#include <stdio.h>

enum { COUNT = 2000000 };
typedef int compare(const int *, const int *);
static int values[COUNT];

static int ascending(const int *a, const int *b)
{
    return (*a > *b) - (*a < *b);
}

static void sort(int *v, int low, int high, compare *order)
{
    while (low < high) {
        int i = low, j = high, pivot = v[(low + high) / 2];
        while (i <= j) {
            while (order(&v[i], &pivot) < 0)
                i++;
            while (order(&v[j], &pivot) > 0)
                j--;
            if (i <= j) {
                int swapped = v[i];
                v[i++] = v[j];
                v[j--] = swapped;
            }
        }
        sort(v, low, j, order);
        low = i;
    }
}

int main(void)
{
    unsigned seed = 1;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1103515245 + 12345;
        values[i] = seed >> 1;
    }
    compare *volatile order = ascending;
    sort(values, 0, COUNT - 1, order);
    printf("%d %d\n", values[1000], values[COUNT - 1]);
    return 0;
}
