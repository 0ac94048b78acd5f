-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who was refused what, and why
SELECT src_ip AS client, dest_ip AS server, dest_port AS port,
	coalesce(rpc_bind.name, rpc_bind.uuid) AS interface, rpc_bind.reason AS reason,
	count(*) AS times, min(moment) AS first, max(moment) AS last
FROM events
WHERE event_type = 'rpc_bind' AND rpc_bind.verdict = 'deny'
GROUP BY ALL
ORDER BY times DESC, client, server, port, interface, reason;
