/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as a request to a running trace: refused, or understood and the same when said again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/ctl_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *packet = malloc(size ? size : 1), again[CTL_REQUEST_MAX], why[256];
	struct ctl_request req;
	ssize_t len;

	memcpy(packet, data, size);
	if (!ctl_request__parse(packet, size, &req, why, sizeof(why))) {
		len = ctl_request__format(&req, again);
		if (len != (ssize_t)size || memcmp(again, packet, size))
			abort();
	} else if (!memchr(why, 0, sizeof(why)) || !*why) {
		abort();
	}
	free(packet);
	return 0;
}
