// SPDX-License-Identifier: GPL-2.0-only
#include "caps.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS _LINUX_CAPABILITY_U32S_3

static int get(struct __user_cap_data_struct data[WORDS])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, data) ? -errno : 0;
}

static int set(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[WORDS] = {
		{ .permitted = (uint32_t)permitted, .effective = (uint32_t)effective },
		{ .permitted = (uint32_t)(permitted >> 32),
		  .effective = (uint32_t)(effective >> 32) },
	};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

uint64_t caps__effective(void)
{
	struct __user_cap_data_struct data[WORDS];

	return get(data) ? 0 : data[0].effective | (uint64_t)data[1].effective << 32;
}

uint64_t caps__permitted(void)
{
	struct __user_cap_data_struct data[WORDS];

	return get(data) ? 0 : data[0].permitted | (uint64_t)data[1].permitted << 32;
}

int caps__use(uint64_t mask)
{
	uint64_t permitted = caps__permitted();

	return set(permitted, permitted & mask);
}

int caps__keep(uint64_t mask)
{
	uint64_t permitted = caps__permitted();

	/* It ends where the kernel knows no more of them. What cannot be dropped for
	 * want of CAP_SETPCAP is of no use to who is not root. */
	for (int n = 0; prctl(PR_CAPBSET_READ, n) >= 0; n++)
		if (!(mask & CAP_MASK(n)))
			prctl(PR_CAPBSET_DROP, n);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return set(permitted & mask, permitted & mask);
}
