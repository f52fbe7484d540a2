import { runTask } from '@keyward/service-host';
import { migrateTask } from './task.js';

await runTask(migrateTask());
