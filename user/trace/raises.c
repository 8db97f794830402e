// SPDX-License-Identifier: GPL-2.0-only
#include "raises.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct function {
	uint32_t code;
	uint32_t mask; /* of the triggers that it may begin in */
	UT_hash_handle hh;
	char name[];
};

struct raises {
	struct tracer *t;
	const struct trigger_expr *exprs;
	size_t n;
	uint32_t anywhere; /* triggers that name no function */
	uint64_t quiet_ns;
	uint64_t unsaid; /* seen to */
	struct function *functions;
};

struct raises *raises__new(struct tracer *t, const struct trigger_expr *exprs, size_t n,
			   uint64_t quiet_ns)
{
	struct raises *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->t = t;
	r->exprs = exprs;
	r->n = n;
	for (size_t i = 0; i < n; i++)
		if (exprs[i].kind == TRIGGER_EXCEPTION && !exprs[i].function)
			r->anywhere |= 1U << i;
	r->quiet_ns = quiet_ns;
	tracer__quiet_raises_for(t, quiet_ns);
	return r;
}

static void drop(struct raises *r, struct function *f)
{
	HASH_DEL(r->functions, f);
	free(f);
}

void raises__restart(struct raises *r)
{
	struct function *f, *tmp;

	HASH_ITER(hh, r->functions, f, tmp)
		drop(r, f);
}

void raises__free(struct raises *r)
{
	if (!r)
		return;
	raises__restart(r);
	free(r);
}

/* ---- functions -------------------------------------------------------------------------- */

static struct function *find(const struct raises *r, uint32_t code)
{
	struct function *f;

	HASH_FIND(hh, r->functions, &code, sizeof(code), f);
	return f;
}

void raises__function(struct raises *r, uint32_t code, const char *name, const char *file)
{
	size_t len = strlen(name) + 1;
	struct function *f;

	if (find(r, code))
		return;
	f = calloc(1, sizeof(*f) + len);
	if (!f)
		return;
	f->code = code;
	f->mask = r->anywhere;
	memcpy(f->name, name, len);
	for (size_t i = 0; i < r->n; i++)
		if (r->exprs[i].kind == TRIGGER_EXCEPTION &&
		    trigger_expr__matches(&r->exprs[i], name, file))
			f->mask |= 1U << i;
	HASH_ADD(hh, r->functions, code, sizeof(f->code), f);
}

void raises__forget(struct raises *r, uint32_t code)
{
	struct function *f = find(r, code);

	if (f)
		drop(r, f);
}

/* ---- exceptions ------------------------------------------------------------------------- */

static void tell(struct raises *r, const struct vtbpf_rec_raise *rec, enum raise_verdict verdict)
{
	struct raise_state state = { .verdict = verdict };
	struct raise_key key = { .code = rec->code };

	if (verdict == RAISE_TELL)
		state.quiet_until = rec->ts + r->quiet_ns;
	memcpy(key.type, rec->type, sizeof(key.type));
	tracer__decide_raise(r->t, &key, &state);
}

uint32_t raises__judge(struct raises *r, const struct vtbpf_rec_raise *rec, char *name, size_t size)
{
	const struct function *f = find(r, rec->code);
	uint32_t mask = f ? f->mask : r->anywhere;
	char type[VTBPF_TYPE_BYTES + 1] = "";

	memcpy(type, rec->type, sizeof(rec->type));
	for (size_t i = 0; i < r->n; i++)
		if (mask >> i & 1 && !trigger_expr__matches_type(&r->exprs[i], type))
			mask &= ~(1U << i);
	if (mask || f) /* the name of the function may still come */
		tell(r, rec, mask ? RAISE_TELL : RAISE_DROP);
	snprintf(name, size, "%s%s%s", type, f ? " in " : "", f ? f->name : "");
	return mask;
}

bool raises__unsaid(struct raises *r, struct vtbpf_rec_raise *rec)
{
	uint64_t unsaid = tracer__unsaid_raises(r->t, rec);

	if (unsaid == r->unsaid)
		return false;
	r->unsaid = unsaid;
	return true;
}

uint64_t raises__quiet(const struct raises *r)
{
	return tracer__quiet_raises(r->t);
}
