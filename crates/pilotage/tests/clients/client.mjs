// npm's socket.io-client, told what to do: `node client.mjs URL TRANSPORTS` with NODE_PATH's modules.
// Every line of standard input is {"emit": [event, payload]} or {"disconnect": true}; every event is a line of output.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [url, transports, modules] = process.argv.slice(2);
const { io } = createRequire(`${modules}/package.json`)('socket.io-client');
const tell = (event, data) => process.stdout.write(`${JSON.stringify({ event, data })}\n`);

const socket = io(url, { transports: transports.split(','), reconnectionDelay: 50, reconnectionDelayMax: 200 });
let subscription;
socket.on('connect', () => {
  tell('connect', socket.recovered);
  // After a break too: a client says again what it wants.
  if (subscription) socket.emit('subscribe:status', subscription);
});
socket.on('disconnect', (reason) => tell('disconnect', reason));
socket.on('connect_error', (error) => tell('connect_error', error.message));
socket.onAny(tell);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    if (order.disconnect) socket.disconnect();
    if (order.emit) {
      const [event, payload] = order.emit;
      if (event === 'subscribe:status') subscription = payload;
      socket.emit(event, payload, (answer) => tell('ack', answer));
    }
    if (order.transport) tell('transport', socket.io.engine.transport.name);
    if (order.echo) tell('echo', order.echo);
  })
  .on('close', () => process.exit(0));
