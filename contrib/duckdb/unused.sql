-- SPDX-License-Identifier: GPL-3.0-or-later
-- Pinholes that were opened and never used: who asks the mapper without a purpose?
SELECT rpc_pinhole.client_ip AS client, rpc_pinhole.server_ip AS server,
	rpc_pinhole.port AS port, coalesce(rpc_pinhole.name, rpc_pinhole.uuid) AS interface,
	count(*) FILTER (rpc_pinhole.action = 'open') AS opened
FROM events
WHERE event_type = 'rpc_pinhole'
GROUP BY ALL
HAVING opened > 0 AND count(*) FILTER (rpc_pinhole.action = 'use') = 0
ORDER BY opened DESC, client, server, port, interface;
