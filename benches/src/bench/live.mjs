// The reference: npm's socket.io with the same job, `node live.mjs MODULES PORT OPERATIONS PER_SECOND HOW`. With `filters` every
// subscriber has filters of its own, as the protocol has it, and gets what passes them. With `rooms` it is in the room of its
// rule, which is the least work that socket.io can do: a batch is encoded once for a room, and nobody can ask for more than a rule.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';

const [modules, port, operations, perSecond, how] = process.argv.slice(2);
const { Server } = createRequire(`${modules}/package.json`)('socket.io');
const http = createServer((request, response) => response.end(request.url === '/ready' ? 'ready' : ''));
const io = new Server(http, { transports: ['websocket'] });
const subscribers = new Map();
const OPERATORS = { equals: (a, b) => a === b, contains: (a, b) => String(a).includes(b), regex: (a, b) => new RegExp(b).test(a) };
const fieldOf = (one, field) => one[field] ?? one.metadata[field];
const passes = (filters, one) => filters.every(({ field, operator, value }) => OPERATORS[operator](fieldOf(one, field), value));
io.on('connection', (socket) => {
  socket.on('disconnect', () => subscribers.delete(socket));
  socket.on('subscribe:status', ({ filters }) => {
    if (how === 'rooms') socket.join(filters.length ? filters[0].value : 'all');
    else subscribers.set(socket, filters);
    socket.emit('status:batch', { subscriptionId: socket.id, updates: [], timestamp: new Date().toISOString() });
  });
});

let change = 0;
let changed = new Map();
const update = (number) => ({
  id: `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`, type: 'execution', status: 'running',
  progress: { current: 1, total: 3, percentage: 33 }, message: `action 2 of 3: webhook, attempt ${change % 5}`,
  timestamp: new Date(performance.timeOrigin + performance.now()).toISOString().replace('Z', '000Z'),
  metadata: { createdAt: new Date().toISOString(), deliveryId: '00000000-0000-0000-0000-000000000007',
    eventId: '55555555-5555-5555-5555-555555555555', eventType: 'push', finishedAt: null, name: `rule-${number}`,
    rule: `rule-${number}`, source: 'github', tenant: 'default' },
});
const begun = performance.now();
setInterval(() => {
  while (change < ((performance.now() - begun) * perSecond) / 1000) {
    change += 1;
    changed.set(change % operations, update(change % operations));
  }
}, 1);
setInterval(() => {
  const batch = changed;
  changed = new Map();
  const timestamp = new Date().toISOString();
  const all = [...batch.values()];
  for (const [socket, filters] of subscribers) {
    const updates = all.filter((one) => passes(filters, one));
    if (updates.length) socket.emit('status:updates', { subscriptionId: socket.id, updates, timestamp });
  }
  if (how !== 'rooms') return;
  for (const [number, one] of batch) io.to(`rule-${number}`).emit('status:updates', { subscriptionId: '', updates: [one], timestamp });
  if (batch.size) io.to('all').emit('status:updates', { subscriptionId: '', updates: all, timestamp });
}, 100);
http.listen(Number(port), '127.0.0.1');
