/* Words counted in a chained hash table: string functions, malloc, pointers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 65536, WORDS = 120000, ROUNDS = 32 };

struct entry {
    char word[24];
    int count;
    struct entry *next;
};
static struct entry *buckets[BUCKETS];

static struct entry *find(const char *word)
{
    unsigned hash = 5381;
    for (const char *p = word; *p; p++)
        hash = hash * 33 ^ (unsigned char)*p;
    struct entry **bucket = &buckets[hash % BUCKETS];
    for (struct entry *entry = *bucket; entry; entry = entry->next)
        if (strcmp(entry->word, word) == 0)
            return entry;
    struct entry *made = calloc(1, sizeof *made);
    strcpy(made->word, word);
    made->next = *bucket;
    return *bucket = made;
}

int main(void)
{
    long total = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < WORDS; i++) {
            char word[32];
            int length = 0;
            unsigned rest = i * 2654435761u;
            do {
                word[length++] = 'a' + rest % 26;
                rest /= 26;
            } while (rest);
            word[length] = 0;
            total += ++find(word)->count;
        }
    printf("%ld\n", total);
    return 0;
}
