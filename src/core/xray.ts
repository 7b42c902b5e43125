export interface Xray { readonly cacheKey: string }
