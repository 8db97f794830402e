// SPDX-License-Identifier: GPL-2.0-only
#include "int_write.h"

#include <linux/types.h>
#include <string.h>

#include "../../bpf/vtbpf.h"

#define LOCK 0xf0
#define REX 0x40 /* to 0x4f */
#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

struct reader {
	const uint8_t *code;
	size_t at, len;
	uint8_t rex;
};

static bool take(struct reader *r, void *to, size_t n)
{
	if (r->len - r->at < n)
		return false;
	memcpy(to, r->code + r->at, n);
	r->at += n;
	return true;
}

/* The processor's numbers of the first eight differ from DWARF's. */
static uint8_t dwarf_reg(uint8_t reg)
{
	static const uint8_t first[8] = { 0, 2, 1, 3, 7, 6, 4, 5 };

	return reg < 8 ? first[reg] : reg;
}

static bool take_disp(struct reader *r, size_t bytes, int64_t *disp)
{
	int32_t wide = 0;
	int8_t narrow = 0;

	*disp = 0;
	if (bytes == 4 && !take(r, &wide, 4))
		return false;
	if (bytes == 1 && !take(r, &narrow, 1))
		return false;
	*disp = bytes == 4 ? wide : narrow;
	return true;
}

/* ModRM, SIB and displacement of an operand in memory: [base + disp]. */
static bool take_operand(struct reader *r, struct int_write *w, uint8_t *reg)
{
	static const size_t disp_bytes[3] = { 0, 1, 4 };
	uint8_t modrm, mod, rm, sib;

	if (!take(r, &modrm, 1))
		return false;
	mod = modrm >> 6;
	rm = modrm & 7;
	*reg = (modrm >> 3 & 7) | (r->rex & REX_R ? 8 : 0);
	if (mod == 3)
		return false;
	if (mod == 0 && rm == 5) { /* relative to the next instruction */
		w->base = VTBPF_GC_BASE_IP;
		if (!take_disp(r, 4, &w->disp))
			return false;
		w->disp += (int64_t)r->len;
		return true;
	}
	if (rm == 4) {
		if (!take(r, &sib, 1) || (sib >> 3 & 7) != 4 || r->rex & REX_X)
			return false; /* an index */
		rm = sib & 7;
		if (mod == 0 && rm == 5)
			return false; /* an absolute address */
	}
	w->base = dwarf_reg(rm | (r->rex & REX_B ? 8 : 0));
	return take_disp(r, disp_bytes[mod], &w->disp);
}

/* Which of them it is: true with `how`, and whether a constant follows. */
static bool take_opcode(struct reader *r, bool locked, struct int_write *w, bool *constant)
{
	uint8_t op, second = 0;
	bool wide = r->rex & REX_W;

	if (!take(r, &op, 1) || (op == 0x0f && !take(r, &second, 1)))
		return false;
	*constant = op == 0xc7;
	if (op == 0x8d) {
		w->how = INT_ADDRESS;
		return wide && !locked;
	}
	w->how = op == 0x0f ? INT_COMPARE : op == 0x87 ? INT_EXCHANGE : INT_STORE;
	if (op == 0x0f)
		return second == 0xb1 && locked && !wide;
	return (op == 0xc7 || op == 0x89 || op == 0x87) && !locked && !wide;
}

bool int_write__parse(const uint8_t *code, size_t len, struct int_write *w)
{
	struct reader r = { .code = code, .len = len };
	bool locked = len && code[0] == LOCK, constant;
	uint8_t reg;

	memset(w, 0, sizeof(*w));
	w->value_reg = VTBPF_NO_REG;
	r.at = locked;
	if (r.at < len && (code[r.at] & 0xf0) == REX)
		r.rex = code[r.at++];
	if (!take_opcode(&r, locked, w, &constant) || !take_operand(&r, w, &reg))
		return false;
	if (constant)
		return !(reg & 7) && take(&r, &w->value, 4) && r.at == len;
	if (w->how != INT_ADDRESS)
		w->value_reg = dwarf_reg(reg);
	return r.at == len;
}
