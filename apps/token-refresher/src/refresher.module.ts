import { Module, type DynamicModule } from '@nestjs/common';
import { OnDemand } from './on-demand/on-demand.js';
import { RefreshMessages } from './on-demand/refresh-messages.controller.js';
import type { Refresher } from './refresher.js';

@Module({ controllers: [RefreshMessages] })
export class RefresherModule {
  static over(refresher: Refresher): DynamicModule {
    return { module: RefresherModule, providers: [{ provide: OnDemand, useValue: refresher.onDemand }] };
  }
}
