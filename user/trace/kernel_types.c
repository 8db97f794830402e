// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_types.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 8 /* of structs in structs */

struct copy {
	const struct btf *kernel, *local;
	struct btf *to;
	int depth;
};

/* A member of the kernel's struct, and its type in the copy. */
struct copied {
	const char *name;
	int type;
	uint32_t offset, bits; /* bits: size of a bit field, else 0 */
};

/* A pair of types of the same name: of a program, and of the kernel. */
struct pair {
	uint32_t local, kernel;
};

static int copy_type(struct copy *c, struct pair p);

static const struct btf_type *resolve(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t))) {
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

/* Looks for a member, also of anonymous structs among the members. Where it is goes to m->offset. */
static bool find_member(const struct btf *btf, uint32_t id, struct copied *m, uint32_t *type,
			int depth)
{
	const struct btf_type *t = resolve(btf, &id);

	if (!t || !btf_is_composite(t) || depth > MAX_DEPTH)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *in = btf_members(t) + i;
		uint32_t before = m->offset;

		m->offset += btf_member_bit_offset(t, i);
		if (in->name_off && !strcmp(btf__name_by_offset(btf, in->name_off), m->name)) {
			m->bits = btf_member_bitfield_size(t, i);
			*type = in->type;
			return true;
		}
		if (!in->name_off && find_member(btf, in->type, m, type, depth + 1))
			return true;
		m->offset = before;
	}
	return false;
}

/* The members that both have. Returns how many, or a negative errno. */
static int copy_members(struct copy *c, struct pair p, struct copied *out)
{
	const struct btf_type *t = btf__type_by_id(c->local, p.local);
	int n = 0;

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *in = btf_members(t) + i;
		struct pair of = { .local = in->type };
		struct copied *m = &out[n];

		*m = (struct copied){ .name = btf__name_by_offset(c->local, in->name_off) };
		if (!in->name_off || !find_member(c->kernel, p.kernel, m, &of.kernel, 0))
			continue;
		m->type = copy_type(c, of);
		if (m->type < 0)
			return m->type;
		n += m->type > 0;
	}
	return n;
}

static int add_composite(struct copy *c, struct pair p, const struct copied *members, int n)
{
	const struct btf_type *t = btf__type_by_id(c->kernel, p.kernel);
	const char *name = btf__name_by_offset(c->kernel, t->name_off);
	int id = btf_is_union(t) ? btf__add_union(c->to, name, t->size) :
				   btf__add_struct(c->to, name, t->size);
	int err = id < 0 ? id : 0;

	for (int i = 0; i < n && !err; i++)
		err = btf__add_field(c->to, members[i].name, members[i].type, members[i].offset,
				     members[i].bits);
	return err ? err : id;
}

static int copy_composite(struct copy *c, struct pair p)
{
	const struct btf_type *t = btf__type_by_id(c->local, p.local);
	struct copied *members;
	int n;

	if (c->depth == MAX_DEPTH)
		return -ENOTSUP;
	members = calloc(btf_vlen(t) + 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	c->depth++;
	n = copy_members(c, p, members);
	c->depth--;
	if (n >= 0)
		n = add_composite(c, p, members, n);
	free(members);
	return n;
}

/* The type's number in the copy; 0 when the two have nothing in common; or a negative errno. */
static int copy_type(struct copy *c, struct pair p)
{
	const struct btf_type *local = resolve(c->local, &p.local);
	const struct btf_type *kernel = resolve(c->kernel, &p.kernel);

	if (!local || !kernel)
		return -ENOTSUP;
	if (btf_is_composite(local) && btf_is_composite(kernel))
		return copy_composite(c, p);
	if (btf_kind(local) != btf_kind(kernel))
		return 0;
	if (btf_is_int(kernel))
		return btf__add_int(c->to, btf__name_by_offset(c->kernel, kernel->name_off),
				    kernel->size, btf_int_encoding(kernel));
	if (btf_is_ptr(kernel))
		return btf__add_ptr(c->to, 0);
	return -ENOTSUP;
}

/* ---- which types ------------------------------------------------------------------------ */

/* What stands behind ___ in a program's name tells its variants of one type apart. */
static bool same_name(const char *local, const char *kernel)
{
	size_t n = strlen(kernel);

	return !strncmp(local, kernel, n) && (!local[n] || !strncmp(local + n, "___", 3));
}

static const char *composite_name(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	return t && btf_is_composite(t) && t->name_off ? btf__name_by_offset(btf, t->name_off) :
							 NULL;
}

/* Copies a struct of the kernel for each of the programs' that has its name. */
static int copy_named(struct copy *c, uint32_t kernel, const uint32_t *locals, size_t n)
{
	const char *name = composite_name(c->kernel, kernel);
	int err = 0;

	for (size_t i = 0; name && i < n && err >= 0; i++) {
		struct pair p = { locals[i], kernel };

		if (same_name(composite_name(c->local, locals[i]), name))
			err = copy_composite(c, p);
	}
	return err < 0 ? err : 0;
}

static int copy_all(struct copy *c)
{
	uint32_t n_local = btf__type_cnt(c->local), n_kernel = btf__type_cnt(c->kernel), id;
	uint32_t *locals = calloc(n_local, sizeof(*locals));
	size_t n = 0;
	int err = 0;

	if (!locals)
		return -ENOMEM;
	for (id = 1; id < n_local; id++)
		if (composite_name(c->local, id))
			locals[n++] = id;
	for (id = 1; id < n_kernel && !err; id++)
		err = copy_named(c, id, locals, n);
	free(locals);
	return err;
}

struct btf *kernel_types__of(const struct btf *kernel, const struct btf *local)
{
	struct copy c = { .kernel = kernel, .local = local, .to = btf__new_empty() };
	int err = c.to ? copy_all(&c) : -errno;

	if (!err)
		return c.to;
	btf__free(c.to);
	errno = -err;
	return NULL;
}
