/* What the gcc workload compiles: some headers, some code. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct word {
    char *text;
    long count;
    struct word *left, *right;
};

static struct word *insert(struct word *tree, const char *text) {
    if (!tree) {
        tree = calloc(1, sizeof *tree);
        if (!tree || !(tree->text = strdup(text))) abort();
    }
    int order = strcmp(text, tree->text);
    if (order == 0)
        tree->count++;
    else if (order < 0)
        tree->left = insert(tree->left, text);
    else
        tree->right = insert(tree->right, text);
    return tree;
}

static void print(const struct word *tree) {
    if (!tree) return;
    print(tree->left);
    printf("%6ld %s\n", tree->count, tree->text);
    print(tree->right);
}

int main(void) {
    struct word *words = NULL;
    char text[256];
    size_t length = 0;
    for (int c; (c = getchar()) != EOF;) {
        if (isalnum(c) && length < sizeof text - 1) {
            text[length++] = (char)tolower(c);
        } else if (length) {
            text[length] = '\0';
            words = insert(words, text);
            length = 0;
        }
    }
    print(words);
    return 0;
}
