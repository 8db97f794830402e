// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the static libelf of elfutils 0.192 (Debian 13) lacks: libelf.a refers to four functions of
 * elfutils' private libeu.a, which is not installed (sourceware.org bug 32293, mended in 0.193).
 * Weak, so that a libelf.a that brings its own has precedence; not linked at all where nothing
 * refers to them. There the tree is guarded by a lock; vtbpf uses an Elf from one thread only.
 */
#include <search.h>

/* lib/eu-search.h of elfutils 0.192: the root, then a lock that libelf allocates room for. */
struct search_tree {
	void *root;
};

typedef int (*compare_fn)(const void *, const void *);

void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *));
void *eu_tsearch(const void *key, struct search_tree *tree, compare_fn compare);
void *eu_tdelete(const void *key, struct search_tree *tree, compare_fn compare);

__attribute__((weak)) void eu_search_tree_init(struct search_tree *tree)
{
	tree->root = 0;
}

__attribute__((weak)) void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *))
{
	tdestroy(tree->root, free_node);
}

__attribute__((weak)) void *eu_tsearch(const void *key, struct search_tree *tree,
				       compare_fn compare)
{
	return tsearch(key, &tree->root, compare);
}

__attribute__((weak)) void *eu_tdelete(const void *key, struct search_tree *tree,
				       compare_fn compare)
{
	return tdelete(key, &tree->root, compare);
}
