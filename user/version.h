/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VTBPF_VERSION_H
#define VTBPF_VERSION_H

#define VTBPF_VERSION "0.1.0"

#endif
